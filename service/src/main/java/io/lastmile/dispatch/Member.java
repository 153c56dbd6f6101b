package io.lastmile.dispatch;

import io.lastmile.split.Split;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.ToLongFunction;

/**
 * A table whose splits are dispatched. Its ordinals go on over its passes: split s of pass p is p ·
 * count + s.
 *
 * @param splits of a pass
 * @param count of them
 * @param turns which split may be next in the sequence
 * @param current the split of which rows are in the sequence already; -1: none
 * @param first ordinal to run
 * @param end ordinal behind the last
 * @param ahead how many splits may be assigned and not be in the sequence
 * @param ratio of its rows in a mix
 * @param budget bytes of staging
 * @param stagingBytes that a split may need
 */
public record Member(
    IntFunction<List<Split>> splits,
    int count,
    Turns turns,
    int current,
    int first,
    int end,
    int ahead,
    double ratio,
    long budget,
    ToLongFunction<Split> stagingBytes) {}
