/** The launch API: a program hands over an experiment and holds the run. */
@NullMarked
package io.lastmile;

import org.jspecify.annotations.NullMarked;
