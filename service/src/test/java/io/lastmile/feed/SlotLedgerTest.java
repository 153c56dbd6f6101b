package io.lastmile.feed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A slot is in one place at a time, whatever becomes of the batches in it. */
class SlotLedgerTest {
  private static final int SLOTS = 3;

  private final SlotLedger ledger = new SlotLedger(SLOTS);

  @Test
  void whoTakesWaitsUntilOneIsReleased() throws Exception {
    for (int slot = 0; slot < SLOTS; slot++) {
      ledger.send(ledger.take());
    }
    assertThat(ledger.allSent()).isTrue();
    CompletableFuture<Integer> taken = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            taken.complete(ledger.take());
          } catch (InterruptedException e) {
            taken.completeExceptionally(e);
          }
        });
    assertThat(ledger.returned(1)).isTrue();
    assertThat(ledger.allSent()).isFalse();
    assertThat(ledger.hasFree()).isFalse();
    assertThat(taken).isNotDone();
    ledger.release(1);
    assertThat(taken.get(Duration.ofMinutes(1).toSeconds(), TimeUnit.SECONDS)).isEqualTo(1);
  }

  @Test
  void aBatchThatGaveUpItsSlotCannotBeSent() throws Exception {
    int slot = ledger.take();
    int large = ledger.larger(slot);
    assertThatThrownBy(() -> ledger.send(slot))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Nobody fills slot 0");
    ledger.outgrown(slot);
    ledger.send(large);
    assertThat(ledger.returned(slot)).isFalse();
    assertThat(ledger.returned(large)).isTrue();
    assertThat(ledger.returned(large)).isFalse();
  }

  @Test
  void aBatchStoppedWhileItGrowsGivesOneSlotBack() throws Exception {
    int _ = ledger.larger(ledger.take());
    assertThat(ledger.reclaim()).containsExactlyInAnyOrder(0, SLOTS);
    ledger.release(0);
    ledger.release(SLOTS);
    for (int slot = 0; slot < SLOTS; slot++) {
      int _ = ledger.take();
    }
    assertThat(ledger.hasFree()).isFalse();
  }

  /** The slots that numbers occupy, as a list of places says it. */
  private static final class Model {
    private final Map<Integer, Integer> filling = new HashMap<>();
    private final Map<Integer, Integer> sent = new HashMap<>();

    private int free() {
      return SLOTS - filling.size() - sent.size();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void whateverHappensEachSlotIsInOnePlace(long seed) throws Exception {
    Random random = new Random(seed);
    Model model = new Model();
    for (int i = 0; i < 2000; i++) {
      step(model, random);
      assertThat(ledger.hasFree()).as("seed %d, step %d", seed, i).isEqualTo(model.free() > 0);
      assertThat(ledger.allSent()).isEqualTo(model.sent.size() == SLOTS);
    }
  }

  private void step(Model model, Random random) throws InterruptedException {
    List<Integer> filling = new ArrayList<>(model.filling.keySet());
    List<Integer> sent = new ArrayList<>(model.sent.keySet());
    switch (random.nextInt(12)) {
      case 0 -> {
        assertThat(ledger.reclaim()).isEqualTo(model.filling.keySet());
        filling.forEach(ledger::release);
        model.filling.clear();
      }
      case 1, 2, 3 -> give(model, sent, random);
      case 4, 5 -> grow(model, filling, random);
      case 6, 7, 8 -> send(model, filling, random);
      default -> take(model);
    }
  }

  private void take(Model model) throws InterruptedException {
    if (model.free() > 0) {
      int slot = ledger.take();
      assertThat(model.filling).doesNotContainValue(slot);
      assertThat(model.sent).doesNotContainValue(slot);
      model.filling.put(slot, slot);
    }
  }

  private void grow(Model model, List<Integer> filling, Random random) {
    if (!filling.isEmpty()) {
      int number = filling.get(random.nextInt(filling.size()));
      int large = ledger.larger(number);
      ledger.outgrown(number);
      Integer slot = model.filling.remove(number);
      model.filling.put(large, slot == null ? -1 : slot);
    }
  }

  private void send(Model model, List<Integer> filling, Random random) {
    if (!filling.isEmpty()) {
      int number = filling.get(random.nextInt(filling.size()));
      ledger.send(number);
      Integer slot = model.filling.remove(number);
      model.sent.put(number, slot == null ? -1 : slot);
    }
  }

  private void give(Model model, List<Integer> sent, Random random) {
    if (!sent.isEmpty()) {
      int number = sent.get(random.nextInt(sent.size()));
      assertThat(ledger.returned(number)).isTrue();
      ledger.release(number);
      model.sent.remove(number);
    }
  }
}
