/** What a recorder does, one call each, for media that change some of it: its state is private and no spread copies it. */

import type { Recorder } from "@aether/core";

/** The functions of `recorder`, passed on. Its dead letters and snapshots are the caller's to pass, or not. */
export function passedRecorder(recorder: Recorder): Recorder {
  return {
    declare: (patterns) => recorder.declare(patterns),
    records: (pattern) => recorder.records(pattern),
    record: (wave, deadline) => recorder.record(wave, deadline),
    follow: (follower, from) => recorder.follow(follower, from),
    read: (query) => recorder.read(query),
    groups: () => recorder.groups(),
    drop: (group, name) => recorder.drop(group, name),
    tail: (query, signal) => recorder.tail(query, signal),
    end: () => recorder.end(),
    compare: (one, other) => recorder.compare(one, other),
  };
}
