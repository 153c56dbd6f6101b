/**
 * Who runs which split, and when there is room for it. The rule is a pure state; clock and threads
 * are outside it.
 */
@NullMarked
package io.lastmile.dispatch;

import org.jspecify.annotations.NullMarked;
