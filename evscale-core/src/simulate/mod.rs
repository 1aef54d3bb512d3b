//! Queue model, workloads, traces, peers and replay.
