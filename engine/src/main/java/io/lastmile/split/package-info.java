/**
 * Which row groups form which split, and in which order: a pure function of the table, the seed and
 * the epoch.
 */
@NullMarked
package io.lastmile.split;

import org.jspecify.annotations.NullMarked;
