"""Plays one story in the running world and writes its ground truth.

usage: play.py case|benign --run DIR --truth FILE
"""

import argparse
import os
import subprocess
from pathlib import Path

import benign
import case
from truth import Truth
from world import World

STORIES = {"case": case.play, "benign": benign.play}


def versions() -> dict[str, str]:
    script = '. "$HERE/lib/base.sh"; base_versions'
    lines = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, env=os.environ).stdout
    return dict(line.split("\t", 1) for line in lines.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=STORIES)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    options = parser.parse_args()
    truth = Truth(options.scenario, versions())
    STORIES[options.scenario](World(options.run), truth)
    truth.write(options.truth)


if __name__ == "__main__":
    main()
