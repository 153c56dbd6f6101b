/**
 * How what the user said is run: steps become SQL, columns become tensors, row groups become
 * splits. Everything here can be printed by explain.
 */
@NullMarked
package io.lastmile.plan;

import org.jspecify.annotations.NullMarked;
