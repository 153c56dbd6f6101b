/**
 * The global row sequence: splits in their order, cut into steps and ranks, with the position after
 * each step.
 */
@NullMarked
package io.lastmile.sequence;

import org.jspecify.annotations.NullMarked;
