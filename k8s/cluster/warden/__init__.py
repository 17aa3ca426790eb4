"""The warden: a small container of a pod that measures and signals the processes of the others.

It runs from the image of the services, and needs nothing that is not in it: no client of Kubernetes, no psutil.
"""
