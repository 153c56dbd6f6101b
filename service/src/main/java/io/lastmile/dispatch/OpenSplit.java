package io.lastmile.dispatch;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A split that has been assigned, and whose rows are not all in the sequence yet. Immutable.
 *
 * @param mode how it is run
 * @param kept bytes reserved for it that belong to none of its runs: its finished rows, or what the
 *     next run takes over from one that failed
 * @param runs that go on; at most one but while the split blocks the sequence
 * @param begun runs so far
 * @param failures of them
 * @param failedOn the worker of the last failure, -1: none has failed
 * @param finished the lease that delivers its rows; null: none has finished
 */
record OpenSplit(
    DispatcherState.Mode mode,
    long kept,
    List<Run> runs,
    int begun,
    int failures,
    int failedOn,
    @Nullable Lease finished) {
  /**
   * A run that goes on.
   *
   * @param bytes reserved for it
   */
  record Run(Lease lease, long bytes) {}

  OpenSplit {
    runs = List.copyOf(runs);
  }

  static OpenSplit assigned(DispatcherState.Mode mode, long bytes) {
    return new OpenSplit(mode, bytes, List.of(), 0, 0, -1, null);
  }

  static OpenSplit warm(Lease lease, long bytes) {
    return new OpenSplit(DispatcherState.Mode.STAGED, bytes, List.of(), 0, 0, -1, lease);
  }

  long bytes() {
    return kept + runs.stream().mapToLong(Run::bytes).sum();
  }

  /** Whether nobody runs it, and somebody has to. */
  boolean isWaiting() {
    return runs.isEmpty() && finished == null;
  }

  /** The run of a lease; null: it does not go on. */
  @Nullable Run run(Lease lease) {
    return runs.stream().filter(run -> run.lease().equals(lease)).findFirst().orElse(null);
  }

  /** A run begins, with these bytes. */
  OpenSplit begin(Lease lease, long keep, long bytes) {
    List<Run> more = new ArrayList<>(runs);
    more.add(new Run(lease, bytes));
    return new OpenSplit(mode, keep, more, begun + 1, failures, failedOn, null);
  }

  OpenSplit extend(Lease lease, long bytes) {
    List<Run> extended = new ArrayList<>(runs);
    extended.replaceAll(
        run -> run.lease().equals(lease) ? new Run(lease, run.bytes() + bytes) : run);
    return new OpenSplit(mode, kept, extended, begun, failures, failedOn, finished);
  }

  /** A run has failed: unless another goes on, the next takes over what was reserved for it. */
  OpenSplit fail(Run failed) {
    List<Run> others = without(failed);
    long keep = others.isEmpty() && finished == null ? failed.bytes() : kept;
    int worker = failed.lease().worker();
    return new OpenSplit(mode, keep, others, begun, failures + 1, worker, finished);
  }

  /** A run has finished: the others are void. */
  OpenSplit finish(Run run) {
    return new OpenSplit(mode, run.bytes(), List.of(), begun, failures, failedOn, run.lease());
  }

  List<Run> without(Run one) {
    return runs.stream().filter(run -> !run.equals(one)).toList();
  }
}
