package io.lastmile.feed;

import java.util.Set;
import java.util.TreeSet;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/** Whatever a worker, a rank and who stops them do at once, each call has its effect alone. */
@Param(name = "number", gen = IntGen.class, conf = "0:1")
public class SlotLedgerLincheckTest {
  /** So many that nobody has to wait. */
  private static final int SLOTS = 8;

  /** What the calls are about: a slot that the rank has, and a batch that outgrew another. */
  private static final int[] NUMBERS = {0, SLOTS};

  private final SlotLedger ledger = new SlotLedger(SLOTS);

  /** One slot is with the rank, and a batch that outgrew another is being filled. */
  public SlotLedgerLincheckTest() throws InterruptedException {
    ledger.send(ledger.take());
    int _ = ledger.larger(ledger.take());
  }

  @Operation
  public int take() throws InterruptedException {
    return ledger.take();
  }

  @Operation
  public boolean allSent() {
    return ledger.allSent();
  }

  @Operation
  public int larger(@Param(name = "number") int number) {
    return ledger.larger(NUMBERS[number]);
  }

  @Operation
  public void outgrown(@Param(name = "number") int number) {
    ledger.outgrown(NUMBERS[number]);
  }

  @Operation
  public void send(@Param(name = "number") int number) {
    ledger.send(NUMBERS[number]);
  }

  @Operation
  public boolean returned(@Param(name = "number") int number) {
    return ledger.returned(NUMBERS[number]);
  }

  @Operation
  public Set<Integer> reclaim() {
    return new TreeSet<>(ledger.reclaim());
  }

  @Operation
  public void release(@Param(name = "number") int number) {
    ledger.release(NUMBERS[number]);
  }

  @Test
  void callsAreAtomic() {
    new ModelCheckingOptions()
        .threads(2)
        .actorsPerThread(2)
        .actorsBefore(0)
        .actorsAfter(1)
        .iterations(40)
        .invocationsPerIteration(60)
        .check(SlotLedgerLincheckTest.class);
  }
}
