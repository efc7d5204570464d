"""The sample manifests, as a reader of YAML sees them."""

from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent / "samples"
SAMPLES: Final[dict[str, list[dict[str, Any]]]] = {
    path.stem: [*yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    for path in sorted(FOLDER.glob("*.yaml"))
}
"""By the file's name, without `.yaml`."""
