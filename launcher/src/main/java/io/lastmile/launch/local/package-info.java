/** Ranks as processes of this machine. */
@NullMarked
package io.lastmile.launch.local;

import org.jspecify.annotations.NullMarked;
