"""The cluster target: worlds as namespaces of a Kubernetes cluster, with Istio where the mode wants it."""
