import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reaction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REACTION_UNSPECIFIED: _ClassVar[Reaction]
    REACTION_DONE: _ClassVar[Reaction]
    REACTION_LATER: _ClassVar[Reaction]
    REACTION_NOT_FOR_ME: _ClassVar[Reaction]
REACTION_UNSPECIFIED: Reaction
REACTION_DONE: Reaction
REACTION_LATER: Reaction
REACTION_NOT_FOR_ME: Reaction

class TipCandidatesMade(_message.Message):
    __slots__ = ("candidates",)
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    def __init__(self, candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("id", "kind", "phrased_by")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PHRASED_BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    phrased_by: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., phrased_by: _Optional[str] = ...) -> None: ...

class TipDecided(_message.Message):
    __slots__ = ("decision_id", "eligible", "probabilities", "chosen", "policy", "policy_version", "stage", "seed")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    eligible: _containers.RepeatedScalarFieldContainer[str]
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    chosen: str
    policy: str
    policy_version: int
    stage: str
    seed: int
    def __init__(self, decision_id: _Optional[str] = ..., eligible: _Optional[_Iterable[str]] = ..., probabilities: _Optional[_Iterable[float]] = ..., chosen: _Optional[str] = ..., policy: _Optional[str] = ..., policy_version: _Optional[int] = ..., stage: _Optional[str] = ..., seed: _Optional[int] = ...) -> None: ...

class TipShown(_message.Message):
    __slots__ = ("decision_id", "channel")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    channel: str
    def __init__(self, decision_id: _Optional[str] = ..., channel: _Optional[str] = ...) -> None: ...

class TipActivated(_message.Message):
    __slots__ = ("decision_id", "channel")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    channel: str
    def __init__(self, decision_id: _Optional[str] = ..., channel: _Optional[str] = ...) -> None: ...

class TipReacted(_message.Message):
    __slots__ = ("decision_id", "reaction")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REACTION_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    reaction: Reaction
    def __init__(self, decision_id: _Optional[str] = ..., reaction: _Optional[_Union[Reaction, str]] = ...) -> None: ...

class RewardSettled(_message.Message):
    __slots__ = ("decision_id", "reward", "outcome", "is_late", "propensity")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    IS_LATE_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    reward: float
    outcome: str
    is_late: bool
    propensity: float
    def __init__(self, decision_id: _Optional[str] = ..., reward: _Optional[float] = ..., outcome: _Optional[str] = ..., is_late: _Optional[bool] = ..., propensity: _Optional[float] = ...) -> None: ...

class TipActionTaken(_message.Message):
    __slots__ = ("decision_id", "action", "is_undo", "refusal", "asked_at")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    IS_UNDO_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    action: str
    is_undo: bool
    refusal: str
    asked_at: _timestamp_pb2.Timestamp
    def __init__(self, decision_id: _Optional[str] = ..., action: _Optional[str] = ..., is_undo: _Optional[bool] = ..., refusal: _Optional[str] = ..., asked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
