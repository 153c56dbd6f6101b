package io.lastmile.error;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of the mistakes of an experiment: the first is thrown, or all are kept so that the
 * search goes on behind each of them. Who may meet a mistake asks here, and so does both in one
 * way. Only mistakes of the user's (kind USER) are kept. Used by one thread.
 */
public final class Mistakes {
  /** Null: the first is thrown. */
  private final @Nullable List<LastmileException> kept;

  private int failures;

  private Mistakes(@Nullable List<LastmileException> kept) {
    this.kept = kept;
  }

  /** The first mistake is thrown. */
  public static Mistakes first() {
    return new Mistakes(null);
  }

  /** All mistakes are kept. */
  public static Mistakes all() {
    return new Mistakes(new ArrayList<>());
  }

  /**
   * The mistakes that were kept, in the order in which they were found; one that was found again,
   * such as in a dataset that is read alone and mixed, is there once.
   */
  public List<LastmileException> found() {
    Map<String, LastmileException> found = new LinkedHashMap<>();
    if (kept != null) {
      kept.forEach(mistake -> found.putIfAbsent(mistake.line(), mistake));
    }
    return List.copyOf(found.values());
  }

  /** How often something failed so far, whether by a mistake of its own or by an earlier one. */
  public int failures() {
    return failures;
  }

  /** Throws a mistake, or keeps it. */
  public void add(LastmileException mistake) {
    if (kept == null || mistake.kind() != FailureKind.USER) {
      throw mistake;
    }
    failures++;
    kept.add(mistake);
  }

  /** Does something, which may fail by a mistake that is kept; whether it did not. */
  public boolean attempt(Runnable action) {
    int before = failures;
    try {
      action.run();
    } catch (LastmileException mistake) {
      add(mistake);
    } catch (FollowUpException e) {
      if (kept == null) {
        throw e;
      }
      failures++;
    }
    return failures == before;
  }

  /** What is made of something, or null where that fails by a mistake that is kept. */
  public <T> @Nullable T orNull(Supplier<T> reading) {
    List<T> read = new ArrayList<>(1);
    attempt(() -> read.add(reading.get()));
    return read.isEmpty() ? null : read.getFirst();
  }

  /** What is made of something, or something instead where that fails by a mistake to keep. */
  public <T> T orElse(T instead, Supplier<T> reading) {
    T read = orNull(reading);
    return read == null ? instead : read;
  }

  /** As {@link #orElse}; a mistake that was kept inside counts too. */
  public <T> T whole(T instead, Supplier<T> reading) {
    int before = failures;
    T read = orElse(instead, reading);
    return failures == before ? read : instead;
  }

  /** Does something whose mistakes are named from inside an element: they get its name. */
  public <T> T under(String parent, Supplier<T> action) {
    int before = kept == null ? 0 : kept.size();
    try {
      return action.get();
    } catch (LastmileException mistake) {
      throw mistake.under(parent);
    } finally {
      if (kept != null) {
        kept.subList(before, kept.size()).replaceAll(mistake -> mistake.under(parent));
      }
    }
  }
}
