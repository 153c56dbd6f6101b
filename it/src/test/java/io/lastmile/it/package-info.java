/** The Java side of the end-to-end tests: files as other Java programs write them. */
@NullMarked
package io.lastmile.it;

import org.jspecify.annotations.NullMarked;
