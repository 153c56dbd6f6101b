package io.lastmile;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.JobPlan;
import io.lastmile.split.Split;
import io.lastmile.worker.SplitFaults;
import io.lastmile.worker.Workers;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Faults of workers for tests, from {@code LASTMILE_FAULTS}, such as {@code
 * seed=7,fail=0.05,hang=0.01,slow=0.1:300ms}. Which run of which split they befall depends on the
 * seed, the epoch, the split and the number of the run alone.
 *
 * @param seed of the draws
 * @param fail share of the runs that fail
 * @param hang share that never return, and hear no interruption
 * @param slow share that are held up
 * @param delay for which they are
 * @param runs how many of the runs of a split faults may befall: two, so that the job goes on
 * @param failures of a split, with the last of which the job ends
 * @param split the only one that they befall; null: any
 * @param tell whether each run is told on the error output when it begins; 0: none is
 */
public record InjectedFaults(
    long seed,
    double fail,
    double hang,
    double slow,
    Duration delay,
    int runs,
    int failures,
    @Nullable Integer split,
    int tell)
    implements SplitFaults {
  private static final String VARIABLE = "LASTMILE_FAULTS";
  private static final String SLOW = "slow";
  private static final Set<String> KEYS =
      Set.of("seed", "fail", "hang", SLOW, "runs", "failures", "split", "tell");
  private static final double MOST_RUNS = 2;
  private static final double MOST_FAILURES = 3;
  private static final Pattern SPEC = Pattern.compile("(\\w+)=(-?[0-9.]+)(?::([0-9]+)ms)?");

  /** The workers of a job, and what the environment says that befalls them. */
  public static Workers workers(JobPlan job) {
    String spec = System.getenv(VARIABLE);
    if (spec == null || spec.isEmpty()) {
      return Workers.of(job);
    }
    InjectedFaults faults = of(spec);
    System.err.println(
        "warning: " + VARIABLE + " is set, for tests only: workers fail on purpose (" + spec + ")");
    return Workers.of(job).faults(faults, faults.failures());
  }

  /**
   * The faults that a text says.
   *
   * @throws LastmileException of kind USER for a mistake in it
   */
  static InjectedFaults of(String spec) {
    Map<String, Double> said = new HashMap<>();
    Duration delay = Duration.ZERO;
    for (String part : spec.split(",", -1)) {
      Matcher one = SPEC.matcher(part);
      if (!one.matches() || !KEYS.contains(one.group(1))) {
        throw wrong(part);
      }
      said.put(one.group(1), number(one.group(2), part));
      if (one.group(1).equals(SLOW)) {
        delay = Duration.ofMillis(one.group(3) == null ? 0 : Long.parseLong(one.group(3)));
      }
    }
    Double split = said.get("split");
    return new InjectedFaults(
        said.getOrDefault("seed", 0.0).longValue(),
        said.getOrDefault("fail", 0.0),
        said.getOrDefault("hang", 0.0),
        said.getOrDefault(SLOW, 0.0),
        delay,
        said.getOrDefault("runs", MOST_RUNS).intValue(),
        said.getOrDefault("failures", MOST_FAILURES).intValue(),
        split == null ? null : split.intValue(),
        said.getOrDefault("tell", 0.0).intValue());
  }

  private static double number(String text, String part) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException _) {
      throw wrong(part);
    }
  }

  private static LastmileException wrong(String part) {
    return LastmileException.of(
        FailureKind.USER,
        "Invalid %s: \"%s\" (must be such as seed=7,fail=0.05,hang=0.01,slow=0.1:300ms,runs=2,failures=3,split=0,tell=1)"
            .formatted(VARIABLE, part));
  }

  @Override
  public void before(Split befallen, int run) throws InterruptedException {
    if (tell != 0) {
      System.err.printf("run of split %d of epoch %d%n", befallen.ordinal(), befallen.epoch());
    }
    if (run >= runs || (split != null && split != befallen.ordinal())) {
      return;
    }
    double u = draw(befallen, run);
    if (u < fail) {
      throw new IllegalStateException("a fault that " + VARIABLE + " says");
    }
    if (u < fail + hang) {
      neverReturn();
    }
    if (u < fail + hang + slow) {
      Thread.sleep(delay);
    }
  }

  private double draw(Split befallen, int run) {
    long state = seed;
    for (long number : new long[] {befallen.epoch(), befallen.ordinal(), run}) {
      state = new SplittableRandom(state ^ number).nextLong();
    }
    return new SplittableRandom(state).nextDouble();
  }

  @SuppressWarnings("InfiniteLoopStatement")
  private static void neverReturn() {
    while (true) {
      LockSupport.park();
      boolean _ = Thread.interrupted();
    }
  }
}
