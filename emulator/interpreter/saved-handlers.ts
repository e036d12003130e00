import type { SavedHandlers } from "./handler-library.ts";

/** In the place of this the build puts the handlers of common code (tools/handlers). Without them, handlers are made as they are met. */
export const savedHandlers: SavedHandlers | undefined = undefined;
