"""Translates: manifests of Argo Rollouts and Flagger -> Davy's manifests, and what couldn't come.

Belongs here: what a field of theirs means in Davy's terms. All of it is pure: objects in, objects
and remarks out.

Never here: files, clusters, printing; a rule about Davy's own objects, which `api` has.
A field is never lost in silence: it is carried over, or a remark names it and says what to do.
"""
