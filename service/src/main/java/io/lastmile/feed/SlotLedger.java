package io.lastmile.feed;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who has which slot of a ring: it is free, being filled, with the rank, or on its way back. A
 * batch that outgrows its slot gets a number of its own and occupies the slot in its place. Knows
 * numbers only, no memory. Any thread.
 */
final class SlotLedger {
  /** What a batch occupies of which a larger one has the slot. */
  private static final int NONE = -1;

  private final int count;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition freed = lock.newCondition();

  /** Guarded by the lock, like all fields below. */
  private final Deque<Integer> free = new ArrayDeque<>();

  /** Numbers and the slots that they occupy. */
  private final Map<Integer, Integer> filling = new HashMap<>();

  private final Map<Integer, Integer> sent = new HashMap<>();
  private final Map<Integer, Integer> returning = new HashMap<>();
  private int nextLarge;

  /** Slots 0 to count − 1, all of them free. */
  SlotLedger(int count) {
    this.count = count;
    this.nextLarge = count;
    for (int slot = 0; slot < count; slot++) {
      free.add(slot);
    }
  }

  /** Takes a free slot to fill; waits until there is one. */
  int take() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (free.isEmpty()) {
        freed.await();
      }
      int slot = free.pop();
      filling.put(slot, slot);
      return slot;
    } finally {
      lock.unlock();
    }
  }

  /** Whether a slot could be taken without waiting. */
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
      return sent.size() == count;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A number for a batch that outgrew another, which is being filled and gives up its slot.
   *
   * @throws IllegalStateException when that has no slot
   */
  int larger(int outgrown) {
    lock.lock();
    try {
      int slot = occupied(outgrown);
      int number = nextLarge++;
      filling.put(outgrown, NONE);
      filling.put(number, slot);
      return number;
    } finally {
      lock.unlock();
    }
  }

  /** A larger batch has taken the place of this one, which is of no use any more. */
  void outgrown(int number) {
    lock.lock();
    try {
      boolean _ = filling.remove(number, NONE);
    } finally {
      lock.unlock();
    }
  }

  /**
   * What was filled goes to the rank.
   *
   * @throws IllegalStateException when it has no slot
   */
  void send(int number) {
    lock.lock();
    try {
      sent.put(number, occupied(number));
      filling.remove(number);
    } finally {
      lock.unlock();
    }
  }

  private int occupied(int number) {
    int slot = filling.getOrDefault(number, NONE);
    if (slot == NONE) {
      throw new IllegalStateException("Nobody fills slot " + number);
    }
    return slot;
  }

  /** The rank gives a number back. Says whether it had it: then the caller releases it. */
  boolean returned(int number) {
    lock.lock();
    try {
      Integer slot = sent.remove(number);
      if (slot == null) {
        return false;
      }
      returning.put(number, slot);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Nobody fills slots any more. Gives the numbers of them, which the caller releases. */
  Set<Integer> reclaim() {
    lock.lock();
    try {
      Set<Integer> reclaimed = Set.copyOf(filling.keySet());
      returning.putAll(filling);
      filling.clear();
      return reclaimed;
    } finally {
      lock.unlock();
    }
  }

  /** What came back is not in use any more: the slot that it occupied is free. */
  void release(int number) {
    lock.lock();
    try {
      Integer slot = returning.remove(number);
      if (slot != null && slot != NONE) {
        free.add(slot);
        freed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }
}
