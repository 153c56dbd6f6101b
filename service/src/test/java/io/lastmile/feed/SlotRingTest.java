package io.lastmile.feed;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Slots are free, being filled or with the rank, and a larger batch occupies the one it outgrew.
 */
class SlotRingTest {
  private static final Layout SMALL = Layout.of(List.of(), 10, new long[0]);
  private static final Layout LARGE = Layout.of(List.of(), 1000, new long[0]);

  @TempDir private Path folder = Path.of("");
  private SlotRing ring = new SlotRing(folder, "none", SMALL, 0);

  @BeforeEach
  void open() {
    ring = new SlotRing(folder, "1", SMALL, 2);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    ring.close();
    assertThat(files()).isZero();
  }

  private long files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.count();
    }
  }

  @Test
  void aSlotComesBackWhenTheRankFreesIt() throws Exception {
    int first = ring.send(ring.take());
    int second = ring.send(ring.take());
    assertThat(ring.hasFree()).isFalse();
    ring.free(first);
    ring.free(first);
    assertThat(ring.send(ring.take())).isEqualTo(first);
    assertThat(ring.hasFree()).isFalse();
    ring.free(second);
    assertThat(ring.hasFree()).isTrue();
  }

  @Test
  void aBatchThatOutgrowsItsRowsTwiceOccupiesOneSlot() throws Exception {
    PackedRows rows = ring.take();
    for (int i = 0; i < 2; i++) {
      PackedRows larger = ring.larger(rows, LARGE);
      ring.outgrown(rows);
      rows = larger;
    }
    assertThat(files()).isEqualTo(3);
    int id = ring.send(rows);
    assertThat(ring.isLarge(id)).isTrue();
    ring.send(ring.take());
    assertThat(ring.hasFree()).isFalse();
    ring.mapped(id);
    assertThat(ring.largePath(id)).doesNotExist();
    ring.free(id);
    assertThat(ring.hasFree()).isTrue();
  }

  @Test
  void whatWasBeingFilledIsFreeAgainWhenNobodyFillsAnyMore() throws Exception {
    PackedRows rows = ring.take();
    PackedRows larger = ring.larger(rows, LARGE);
    ring.outgrown(rows);
    assertThat(larger.layout()).isEqualTo(LARGE);
    ring.take();
    ring.reclaim();
    assertThat(ring.send(ring.take())).isNotEqualTo(ring.send(ring.take()));
    assertThat(files()).isEqualTo(2);
  }
}
