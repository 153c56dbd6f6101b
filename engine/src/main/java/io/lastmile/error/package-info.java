/** The kinds of failure, and the one exception that carries them to the user. */
@NullMarked
package io.lastmile.error;

import org.jspecify.annotations.NullMarked;
