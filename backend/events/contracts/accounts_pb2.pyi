from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AccountConnected(_message.Message):
    __slots__ = ("provider",)
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    provider: str
    def __init__(self, provider: _Optional[str] = ...) -> None: ...

class AccountRevoked(_message.Message):
    __slots__ = ("provider", "by_provider")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    BY_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    provider: str
    by_provider: bool
    def __init__(self, provider: _Optional[str] = ..., by_provider: _Optional[bool] = ...) -> None: ...

class UserForgotten(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
