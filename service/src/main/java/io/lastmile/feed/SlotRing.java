package io.lastmile.feed;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The slots of one rank, in shared memory. A batch that outgrows its slot gets memory of its own,
 * and occupies the slot until the rank frees it: the rank holds at most as many batches as there
 * are slots. Any thread; {@link SlotLedger} knows who has which slot.
 */
final class SlotRing implements AutoCloseable {
  private final Path folder;
  private final String name;
  private final Layout layout;
  private final List<SharedMemory> slots = new ArrayList<>();
  private final SlotLedger ledger;

  /** The numbers of rows that are being filled, by the worker whose turn it is. */
  private final Map<PackedRows, Integer> filling = new ConcurrentHashMap<>();

  /** Batches with memory of their own, by number; whoever removes it closes it. */
  private final Map<Integer, SharedMemory> large = new ConcurrentHashMap<>();

  /**
   * Makes the slots.
   *
   * @param folder of this process in shared memory
   * @param name that tells this ring from the others there
   * @param layout of a slot
   * @param count of slots
   */
  SlotRing(Path folder, String name, Layout layout, int count) {
    this.folder = folder;
    this.name = name;
    this.layout = layout;
    this.ledger = new SlotLedger(count);
    try {
      for (int slot = 0; slot < count; slot++) {
        slots.add(new SharedMemory(path(slot), layout.bytes()));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Path path(int slot) {
    return folder.resolve("ring-" + name + "-" + slot);
  }

  List<Path> paths() {
    return slots.stream().map(SharedMemory::path).toList();
  }

  /** Takes the names of the slots away: the rank has them mapped. */
  void unlink() {
    slots.forEach(SharedMemory::unlink);
  }

  /** The empty rows of a free slot; waits until there is one. */
  PackedRows take() throws InterruptedException {
    int slot = ledger.take();
    PackedRows rows = new PackedRows(slots.get(slot).memory(), layout);
    filling.put(rows, slot);
    return rows;
  }

  /** Whether a batch could be filled without waiting. */
  boolean hasFree() {
    return ledger.hasFree();
  }

  /** Whether the rank has all slots. */
  boolean allSent() {
    return ledger.allSent();
  }

  /** Memory of its own for a batch that outgrew these rows. */
  PackedRows larger(PackedRows outgrown, Layout larger) {
    int number = ledger.larger(filled(filling.get(outgrown)));
    SharedMemory memory = new SharedMemory(path(number), larger.bytes());
    large.put(number, memory);
    PackedRows rows = new PackedRows(memory.memory(), larger);
    filling.put(rows, number);
    return rows;
  }

  /** Larger rows have taken the place of these, and occupy their slot. */
  void outgrown(PackedRows rows) {
    int number = filled(filling.remove(rows));
    closeLarge(number);
    ledger.outgrown(number);
  }

  /** The rows go to the rank; gives the number of their slot. */
  int send(PackedRows rows) {
    int number = filled(filling.remove(rows));
    ledger.send(number);
    return number;
  }

  private static int filled(@Nullable Integer slot) {
    if (slot == null) {
      throw new IllegalStateException("These rows are not being filled");
    }
    return slot;
  }

  /** The file of a batch with memory of its own. */
  Path largePath(int id) {
    return path(id);
  }

  /** Whether a slot number stands for a batch with memory of its own. */
  boolean isLarge(int slot) {
    return slot >= slots.size();
  }

  /** The rank has mapped a batch with memory of its own. */
  void mapped(int id) {
    SharedMemory own = large.get(id);
    if (own != null) {
      own.unlink();
    }
  }

  /** The rank holds no view of a slot any more. */
  void free(int slot) {
    if (ledger.returned(slot)) {
      release(slot);
    }
  }

  /** Nobody fills slots any more: those that were being filled are free. */
  void reclaim() {
    filling.clear();
    ledger.reclaim().forEach(this::release);
  }

  /** Memory goes before the slot can be taken: shared memory may have no room for another. */
  private void release(int number) {
    closeLarge(number);
    ledger.release(number);
  }

  private void closeLarge(int number) {
    SharedMemory own = large.remove(number);
    if (own != null) {
      own.close();
    }
  }

  /** Unmaps and deletes all; nobody may be filling one. */
  @Override
  public void close() {
    slots.forEach(SharedMemory::close);
    large.keySet().forEach(this::closeLarge);
  }
}
