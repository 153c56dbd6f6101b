/**
 * What speaks to a rank: feeds, their shared-memory slots and the wire, and the folder they live
 * in.
 */
@NullMarked
package io.lastmile.feed;

import org.jspecify.annotations.NullMarked;
