package io.lastmile.cli;

import java.util.List;

/**
 * The SQL macros that {@link GeneratedTables} draws its values with. Hashes are 32 bits in a
 * UBIGINT, so that a product with another 32 bits never overflows; the mixing steps and constants
 * are those of the integer hash "lowbias32" (C. Wellons, Hash Prospector).
 */
final class HashMacros {
  /** The 32 bits of a hash. */
  static final long MASK = 0xFFFF_FFFFL;

  private HashMacros() {}

  /** Statements that define the macros in a session. */
  static List<String> statements() {
    return List.of(
        macro("gen_m1(x)", "(xor(x, x >> 16) * 569420461) & M"),
        macro("gen_m2(x)", "(xor(x, x >> 15) * 3545902487) & M"),
        macro("gen_mix(x)", "xor(gen_m2(gen_m1(x)), gen_m2(gen_m1(x)) >> 15)"),
        // the key of number n under seed s; another number, another key, for 2^32 numbers in a row
        macro("gen_key(n, s)", "gen_mix(xor(gen_mix(n & M), (s + (n >> 32)) & M))"),
        // 32 random bits of key k for purpose c
        macro("gen_draw(k, c)", "gen_mix((k + c) & M)"),
        // [0, 1)
        macro("gen_unit(h)", "h / 4294967296e0"),
        // three uniform values added: mean 0, variance 1, within -3 and 3
        macro(
            "gen_bell(h)",
            "((h + (h * 2246822519 & M) + (h * 3266489917 & M)) / 2147483648e0 - 3)::FLOAT"),
        // floor(v^-2) - 1 and floor(v^-4) - 1: Pareto for a uniform v
        macro("gen_skew2(v)", "(floor(1 / (v * v)) - 1)::BIGINT"),
        macro("gen_skew4(v)", "(floor(1 / (v * v * v * v)) - 1)::BIGINT"),
        // n hashes, half mixed: gen_m2 finishes them
        macro(
            "gen_stream(k, c, n)",
            "list_transform(range(n), lambda i: gen_m1((k + c + i::UBIGINT * 2654435769) & M))"));
  }

  private static String macro(String head, String body) {
    return "CREATE OR REPLACE TEMP MACRO "
        + head
        + " AS "
        + body.replaceAll("\\bM\\b", Long.toString(MASK));
  }
}
