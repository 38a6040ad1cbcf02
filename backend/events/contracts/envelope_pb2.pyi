import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from backend.events.contracts import accounts_pb2 as _accounts_pb2
from backend.events.contracts import signals_pb2 as _signals_pb2
from backend.events.contracts import tips_pb2 as _tips_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("id", "type", "user_id", "at", "schema_version", "signal_observed", "consent_changed", "tip_candidates_made", "tip_decided", "tip_shown", "tip_activated", "tip_reacted", "reward_settled", "tip_action_taken", "account_connected", "account_revoked", "user_forgotten")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_OBSERVED_FIELD_NUMBER: _ClassVar[int]
    CONSENT_CHANGED_FIELD_NUMBER: _ClassVar[int]
    TIP_CANDIDATES_MADE_FIELD_NUMBER: _ClassVar[int]
    TIP_DECIDED_FIELD_NUMBER: _ClassVar[int]
    TIP_SHOWN_FIELD_NUMBER: _ClassVar[int]
    TIP_ACTIVATED_FIELD_NUMBER: _ClassVar[int]
    TIP_REACTED_FIELD_NUMBER: _ClassVar[int]
    REWARD_SETTLED_FIELD_NUMBER: _ClassVar[int]
    TIP_ACTION_TAKEN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_REVOKED_FIELD_NUMBER: _ClassVar[int]
    USER_FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    user_id: int
    at: _timestamp_pb2.Timestamp
    schema_version: int
    signal_observed: _signals_pb2.SignalObserved
    consent_changed: _signals_pb2.ConsentChanged
    tip_candidates_made: _tips_pb2.TipCandidatesMade
    tip_decided: _tips_pb2.TipDecided
    tip_shown: _tips_pb2.TipShown
    tip_activated: _tips_pb2.TipActivated
    tip_reacted: _tips_pb2.TipReacted
    reward_settled: _tips_pb2.RewardSettled
    tip_action_taken: _tips_pb2.TipActionTaken
    account_connected: _accounts_pb2.AccountConnected
    account_revoked: _accounts_pb2.AccountRevoked
    user_forgotten: _accounts_pb2.UserForgotten
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ..., user_id: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., schema_version: _Optional[int] = ..., signal_observed: _Optional[_Union[_signals_pb2.SignalObserved, _Mapping]] = ..., consent_changed: _Optional[_Union[_signals_pb2.ConsentChanged, _Mapping]] = ..., tip_candidates_made: _Optional[_Union[_tips_pb2.TipCandidatesMade, _Mapping]] = ..., tip_decided: _Optional[_Union[_tips_pb2.TipDecided, _Mapping]] = ..., tip_shown: _Optional[_Union[_tips_pb2.TipShown, _Mapping]] = ..., tip_activated: _Optional[_Union[_tips_pb2.TipActivated, _Mapping]] = ..., tip_reacted: _Optional[_Union[_tips_pb2.TipReacted, _Mapping]] = ..., reward_settled: _Optional[_Union[_tips_pb2.RewardSettled, _Mapping]] = ..., tip_action_taken: _Optional[_Union[_tips_pb2.TipActionTaken, _Mapping]] = ..., account_connected: _Optional[_Union[_accounts_pb2.AccountConnected, _Mapping]] = ..., account_revoked: _Optional[_Union[_accounts_pb2.AccountRevoked, _Mapping]] = ..., user_forgotten: _Optional[_Union[_accounts_pb2.UserForgotten, _Mapping]] = ...) -> None: ...
