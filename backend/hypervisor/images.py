"""The guest image as `make image` leaves it: a folder with a manifest."""

import json
import re
from pathlib import Path
from typing import Any

from backend.errors import ImageMissing
from backend.hypervisor.driver import GuestImage


def load_image(folder: Path) -> GuestImage:
    """Read `manifest.json`, and see that the files it names are there.

    Raises:
        ImageMissing: they are not, or the manifest makes no sense.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        image = GuestImage(
            version=str(manifest["version"]),
            base=folder / manifest["base"],
            kernel=folder / manifest["kernel"],
            initrd=folder / manifest["initrd"],
            cmdline=str(manifest["cmdline"]),
            arch=str(manifest.get("arch", "x86_64")),
        )
    except FileNotFoundError as error:
        raise ImageMissing(f"there is no manifest.json in {folder}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageMissing(f"{folder}/manifest.json can't be read ({error})") from error
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", image.version):
        raise ImageMissing(f"“{image.version}” in {folder}/manifest.json is no version")
    for path in (image.base, image.kernel, image.initrd):
        if not path.is_file():
            raise ImageMissing(f"there is no {path.name} in {folder}")
    return image
