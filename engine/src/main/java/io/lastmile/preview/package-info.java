/** What the steps of a dataset do to a sample of its rows, seen before anything trains. */
@NullMarked
package io.lastmile.preview;

import org.jspecify.annotations.NullMarked;
