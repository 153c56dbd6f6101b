package io.lastmile.plan;

import io.lastmile.batch.Vocabulary;
import io.lastmile.dataset.ByteSize;
import io.lastmile.error.LastmileException;
import io.lastmile.source.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The vocabularies of an experiment, each read once. Used by one thread. */
final class Vocabularies {
  private static final long MOST_BYTES = 256L << 20;

  private final Path folder;
  private final Map<Path, Vocabulary> read = new HashMap<>();

  /** The vocabularies whose relative paths start in a folder. */
  Vocabularies(Path folder) {
    this.folder = folder;
  }

  /** The vocabulary in a file. */
  Vocabulary of(String file, String element) {
    String mistake = Location.mistake(file, folder);
    if (mistake != null) {
      throw LastmileException.user(element, mistake);
    }
    return read.computeIfAbsent(folder.resolve(file), path -> read(path, element));
  }

  private static Vocabulary read(Path path, String element) {
    try {
      long bytes = Files.size(path);
      if (bytes > MOST_BYTES) {
        throw new IllegalArgumentException(
            "it has %s, must be at most %s"
                .formatted(ByteSize.mebibytes(bytes), ByteSize.mebibytes(MOST_BYTES)));
      }
      return Vocabulary.of(Files.readAllBytes(path));
    } catch (IllegalArgumentException e) {
      throw LastmileException.user(
          element, "Invalid vocabulary: " + path + " (" + e.getMessage() + ")");
    } catch (NoSuchFileException _) {
      throw LastmileException.user(element, "No such vocabulary file: " + path);
    } catch (IOException e) {
      throw LastmileException.user(element, "Cannot read the vocabulary " + path + " (" + e + ")");
    }
  }
}
