"""The lab's kubelet: runs the pods of one node as processes, each pod with an IP of its own.

A pod is no sandbox here: no file system, network or cgroup of its own, so no volumes, no resource
limits, and a process must bind to its pod's IP (`$POD_IP`), not to 0.0.0.0. What a controller can
see of a pod through the API is a kubelet's: phases, conditions, reasons, probes, hooks, back-off.
"""
