package io.lastmile.feed;

import io.lastmile.dataset.ByteSize;
import io.lastmile.dataset.Training;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether shared memory can hold the slots of all feeds, asked before anything starts. */
final class SharedMemoryCheck {
  private SharedMemoryCheck() {}

  static void check(JobPlan plan, Path folder) {
    Training training = plan.experiment().training();
    int ranks = training == null ? 1 : training.ranks();
    long needed =
        ranks * plan.feeds().values().stream().mapToLong(SharedMemoryCheck::slotBytes).sum();
    long free = free(folder);
    if (needed > free) {
      throw LastmileException.of(
          FailureKind.USER,
          "The slots need %s of shared memory, but %s has %d MiB free (give it more room, or lower batch, slots or ranks)"
              .formatted(ByteSize.mebibytes(needed), folder.getParent(), free >> 20));
    }
  }

  private static long slotBytes(FeedPlan dataset) {
    return dataset.slotLayout().bytes() * dataset.dataset().slots();
  }

  private static long free(Path folder) {
    try {
      return Files.getFileStore(folder).getUsableSpace();
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.USER, "Cannot ask " + folder + " for its free space: " + e.getMessage(), e);
    }
  }
}
