"""From a URL to a channel, and channels whose calls carry headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

import grpc

from agentlane.trace_context import trace_headers

ChannelOption = Tuple[str, Any]


@dataclass(frozen=True)
class TlsOptions:
    """PEM."""

    ca: Union[bytes, str, None] = None
    """The authorities to trust. Default: gRPC's own."""
    cert: Union[bytes, str, None] = None
    """The client's certificate and its key, where the server asks for one."""
    key: Union[bytes, str, None] = None


def address_of(
    url: str, tls: Optional[TlsOptions]
) -> Tuple[str, Optional[grpc.ChannelCredentials]]:
    """`host:port`, and the credentials where it is TLS."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is neither http://host:port nor https://host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http":
        if tls:
            raise ValueError(f"TLS is configured, but {url!r} is cleartext")
        return f"{host}:{parts.port or 80}", None
    tls = tls or TlsOptions()
    credentials = grpc.ssl_channel_credentials(_pem(tls.ca), _pem(tls.key), _pem(tls.cert))
    return f"{host}:{parts.port or 443}", credentials


def channel_options(own: Iterable[ChannelOption]) -> Sequence[ChannelOption]:
    defaults = {
        # The server's limits are the limits.
        "grpc.max_receive_message_length": -1,
        "grpc.max_send_message_length": -1,
        # Many field violations have their place in the trailers; 8 KiB by default.
        "grpc.max_metadata_size": 64 * 1024,
        # A second by default, in which tries would fail at once. gRPC makes it 100 ms.
        "grpc.initial_reconnect_backoff_ms": 20,
        "grpc.max_reconnect_backoff_ms": 5000,
        # Otherwise channels to the same server share how long they wait.
        "grpc.use_local_subchannel_pool": 1,
    }
    return list({**defaults, **dict(own)}.items())


class WithHeaders:
    """For a generated client: a channel that adds headers to its calls. Those of a call win."""

    def __init__(
        self, channel: Any, api_key: Optional[str], headers: Optional[Mapping[str, str]]
    ) -> None:
        self._channel = channel
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def unary_unary(self, *args: Any, **kwargs: Any) -> _Call:
        return _Call(self._channel.unary_unary(*args, **kwargs), self._headers)

    def unary_stream(self, *args: Any, **kwargs: Any) -> _Call:
        return _Call(self._channel.unary_stream(*args, **kwargs), self._headers)


class _Call:
    """A multi-callable of grpc or grpc.aio."""

    def __init__(self, inner: Any, headers: Mapping[str, str]) -> None:
        self._inner = inner
        self._headers = headers

    def __call__(self, request: Any, timeout: Any = None, metadata: Any = None, **kw: Any) -> Any:
        return self._inner(request, timeout=timeout, metadata=self._all(metadata), **kw)

    def future(self, request: Any, timeout: Any = None, metadata: Any = None, **kw: Any) -> Any:
        return self._inner.future(request, timeout=timeout, metadata=self._all(metadata), **kw)

    def with_call(self, request: Any, timeout: Any = None, metadata: Any = None, **kw: Any) -> Any:
        return self._inner.with_call(request, timeout=timeout, metadata=self._all(metadata), **kw)

    def _all(self, metadata: Any) -> Tuple[Tuple[str, Any], ...]:
        own: Dict[str, Any] = {**trace_headers(), **self._headers}
        for name, _ in metadata or ():
            own.pop(name.lower(), None)
        return (*own.items(), *((name.lower(), value) for name, value in metadata or ()))


def _pem(value: Union[bytes, str, None]) -> Optional[bytes]:
    return value.encode() if isinstance(value, str) else value
