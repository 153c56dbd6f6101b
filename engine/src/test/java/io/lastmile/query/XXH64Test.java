package io.lastmile.query;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class XXH64Test {
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          '', ef46db3751d8e999
          a, d24ec4f1a98c6e5b
          abc, 44bc2cf5ad770999
          Nobody inspects the spammish repetition, fbcea83c8a378bf1
          """)
  void agreesWithPublishedVectors(String text, String hash) {
    assertThat(XXH64.hash(text.getBytes(UTF_8), 0)).isEqualTo(Long.parseUnsignedLong(hash, 16));
  }

  @Test
  void agreesWithAnotherImplementation() throws IOException {
    int count = 0;
    for (String line : lines("xxh64.tsv")) {
      String[] fields = line.split("\t", -1);
      byte[] bytes = HexFormat.of().parseHex(fields[0]);
      long seed = Long.parseLong(fields[1]);
      long hash = Long.parseUnsignedLong(fields[2], 16);
      assertThat(XXH64.hash(bytes, seed)).as(line).isEqualTo(hash);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment padded = arena.allocate(bytes.length + 3L);
        MemorySegment unaligned = padded.asSlice(3).copyFrom(MemorySegment.ofArray(bytes));
        assertThat(XXH64.hash(unaligned.address(), bytes.length, seed)).as(line).isEqualTo(hash);
        assertThat(XXH64.hash(padded, 3, bytes.length, seed)).as(line).isEqualTo(hash);
      }
      count++;
    }
    assertThat(count).isEqualTo(200);
  }

  /** The lines of a resource but its comments. */
  static List<String> lines(String resource) throws IOException {
    try (InputStream in = XXH64Test.class.getResourceAsStream(resource)) {
      return new String(Objects.requireNonNull(in).readAllBytes(), UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .toList();
    }
  }
}
