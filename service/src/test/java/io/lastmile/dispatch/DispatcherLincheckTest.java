package io.lastmile.dispatch;

import io.lastmile.dispatch.DispatcherState.Mode;
import io.lastmile.split.Split;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whatever two threads do at the same time, each call has the effect that it has alone. */
@Param(name = "ordinal", gen = IntGen.class, conf = "0:1")
public class DispatcherLincheckTest {
  private static final int SPLITS = 12;
  private static final Split SPLIT = new Split(0, 0, List.of());

  private final Dispatcher dispatcher =
      new Dispatcher(
          List.of(
              new Member(
                  _ -> IntStream.range(0, SPLITS).mapToObj(_ -> SPLIT).toList(),
                  SPLITS,
                  Turns.IN_ORDER,
                  -1,
                  0,
                  SPLITS,
                  SPLITS,
                  1,
                  100,
                  _ -> 2)),
          List.of(Map.of()),
          new Rules(Duration.ofDays(1), 3, false),
          () -> 0,
          _ -> {});

  /** The first split is finished and the second one runs, before the threads begin. */
  public DispatcherLincheckTest() throws InterruptedException {
    Assignment _ = dispatcher.next(0);
    Assignment _ = dispatcher.next(0);
    boolean _ = dispatcher.finished(run(0));
  }

  @Operation
  public int next() throws InterruptedException {
    Assignment next = dispatcher.next(0);
    return next == null ? -1 : next.ordinal();
  }

  @Operation
  public boolean finished(@Param(name = "ordinal") int ordinal) {
    return dispatcher.finished(run(ordinal));
  }

  @Operation
  public Failed failed(@Param(name = "ordinal") int ordinal) {
    return dispatcher.failed(run(ordinal));
  }

  @Operation
  public boolean extend(@Param(name = "ordinal") int ordinal) {
    return dispatcher.extend(run(ordinal), 40);
  }

  @Operation
  public boolean hasTurn(@Param(name = "ordinal") int ordinal) {
    return dispatcher.hasTurn(run(ordinal));
  }

  @Operation
  public @Nullable String enterFinished() {
    Lease lease = dispatcher.enterFinished(0);
    return lease == null ? null : lease.toString();
  }

  private static Assignment run(int ordinal) {
    return new Assignment(0, new Lease(ordinal, 0, 0), SPLIT, Mode.STAGED, 2);
  }

  @Test
  void callsAreAtomic() {
    new ModelCheckingOptions()
        .threads(2)
        .actorsPerThread(2)
        .actorsBefore(0)
        .actorsAfter(1)
        .iterations(5)
        .invocationsPerIteration(60)
        .check(DispatcherLincheckTest.class);
  }
}
