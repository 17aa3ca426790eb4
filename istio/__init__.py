"""The mesh arm: Istio objects, compiled to what istiod would give Envoy."""
