"""Prints the scalars of a folder of event files as TensorBoard reads them (pip install tensorboard).

    python tools/reference/read-event-files.py FOLDER

The test of the tracker compares the files that it writes with files whose scalars were checked with this script.
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

accumulator = EventAccumulator(sys.argv[1])
accumulator.Reload()
tags = accumulator.Tags()["scalars"]
print(json.dumps({tag: [[e.step, e.value, e.wall_time] for e in accumulator.Scalars(tag)] for tag in tags}))
