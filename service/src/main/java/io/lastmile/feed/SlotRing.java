package io.lastmile.feed;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The slots of one rank. A slot is free, being filled by the worker whose turn it is, or with the
 * rank. A batch that outgrows its slot gets memory of its own, and occupies the slot until the rank
 * frees it: the rank holds at most as many batches as there are slots. Any thread.
 */
final class SlotRing implements AutoCloseable {
  private final Path folder;
  private final String name;
  private final Layout layout;
  private final List<SharedMemory> slots = new ArrayList<>();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition freed = lock.newCondition();

  /** Guarded by the lock, like all fields below. */
  private final Deque<Integer> free = new ArrayDeque<>();

  private final Map<PackedRows, Integer> filling = new HashMap<>();
  private final Set<Integer> sent = new HashSet<>();
  private final Map<Integer, Large> large = new HashMap<>();
  private int nextLarge;

  /** Memory of its own, and the slot that it occupies. */
  private record Large(SharedMemory memory, int slot) {}

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
    this.nextLarge = count;
    try {
      for (int slot = 0; slot < count; slot++) {
        slots.add(new SharedMemory(path(slot), layout.bytes()));
        free.add(slot);
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
    lock.lockInterruptibly();
    try {
      while (free.isEmpty()) {
        freed.await();
      }
      int slot = free.pop();
      PackedRows rows = new PackedRows(slots.get(slot).memory(), layout);
      filling.put(rows, slot);
      return rows;
    } finally {
      lock.unlock();
    }
  }

  /** Whether a batch could be filled without waiting. */
  boolean hasFree() {
    lock.lock();
    try {
      return !free.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the rank has all slots. */
  boolean allSent() {
    lock.lock();
    try {
      return sent.size() == slots.size();
    } finally {
      lock.unlock();
    }
  }

  /** Memory of its own for a batch that outgrew these rows. */
  PackedRows larger(PackedRows outgrown, Layout larger) {
    lock.lock();
    try {
      int before = filled(filling.get(outgrown));
      Large own = large.get(before);
      int id = nextLarge++;
      SharedMemory memory = new SharedMemory(path(id), larger.bytes());
      large.put(id, new Large(memory, own == null ? before : own.slot()));
      PackedRows rows = new PackedRows(memory.memory(), larger);
      filling.put(rows, id);
      return rows;
    } finally {
      lock.unlock();
    }
  }

  /** Larger rows have taken the place of these, and occupy their slot. */
  void outgrown(PackedRows rows) {
    lock.lock();
    try {
      Large own = large.remove(filled(filling.remove(rows)));
      if (own != null) {
        own.memory().close();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The rows go to the rank; gives the number of their slot. */
  int send(PackedRows rows) {
    lock.lock();
    try {
      int slot = filled(filling.remove(rows));
      sent.add(slot);
      return slot;
    } finally {
      lock.unlock();
    }
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
    lock.lock();
    try {
      Large own = large.get(id);
      if (own != null) {
        own.memory().unlink();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The rank holds no view of a slot any more. */
  void free(int slot) {
    lock.lock();
    try {
      if (sent.remove(slot)) {
        release(slot);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Nobody fills slots any more: those that were being filled are free. */
  void reclaim() {
    lock.lock();
    try {
      filling.values().forEach(this::release);
      filling.clear();
    } finally {
      lock.unlock();
    }
  }

  private void release(int slot) {
    Large own = large.remove(slot);
    if (own != null) {
      own.memory().close();
    }
    free.add(own == null ? slot : own.slot());
    freed.signalAll();
  }

  /** Unmaps and deletes all; nobody may be filling one. */
  @Override
  public void close() {
    lock.lock();
    try {
      slots.forEach(SharedMemory::close);
      large.values().forEach(own -> own.memory().close());
      large.clear();
    } finally {
      lock.unlock();
    }
  }
}
