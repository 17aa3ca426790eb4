"""From Istio objects to Envoy's configuration, as istiod does it: pure functions, istiod's names and defaults."""

from istio.compile.proxy import ProxyConfig, compile_proxy

__all__ = ["ProxyConfig", "compile_proxy"]
