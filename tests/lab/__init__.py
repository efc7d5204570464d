"""A real control plane, mesh, gateway and Prometheus in namespaces of their own, for tests.

etcd, kube-apiserver, kube-controller-manager, kube-scheduler, istiod, Envoy and Prometheus are the
real programs. Only the kubelet is ours: `node_agent` runs pods as processes, each with its own IP.
The whole lab lives in one user, network, mount and PID namespace, so killing one process ends it.

Entry points: `python -m tests.lab --help`; `Lab.start()` in `lab`; the fixtures in `conftest`.
This file imports nothing: the demo app is started as `python -m tests.lab.app` for every pod.
"""
