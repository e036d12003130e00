import type { SavedBlocks } from "./block-library.ts";

/** In the place of this the build puts blocks of the `wine` image (tools/handlers). Without them, blocks are decoded as they are met. */
export const savedBlocks: SavedBlocks | undefined = undefined;
