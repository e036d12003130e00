/** Who runs programs, and on which computer. The same in every run. */
import type { Sid } from "./sid.ts";

export const COMPUTER_NAME = "RING3";
export const USER_NAME = "user";
const MACHINE_SID = "S-1-5-21-3091714652-1806537174-2954027381";
export const USER_SID: Sid = `${MACHINE_SID}-1000`;
/** "None", the primary group of local accounts. */
export const USER_PRIMARY_GROUP: Sid = `${MACHINE_SID}-513`;
export const LOGON_SID: Sid = "S-1-5-5-0-99999";
/** Locally unique id of the logon session. */
export const LOGON_ID = 99999n;
export const SESSION_ID = 1;
export const USER_PROFILE = `C:\\users\\${USER_NAME}`;
