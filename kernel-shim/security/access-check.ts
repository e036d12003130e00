import type { GenericMapping } from "../abi/access.ts";
import { mapGenericMask, StandardAccess } from "../abi/access.ts";
import type { SecurityDescriptor } from "./acl.ts";
import { GroupAttributes, Privilege, PrivilegeAttributes } from "./privilege.ts";
import type { Token } from "./token.ts";

export interface AccessDecision {
  readonly granted: number;
  readonly allowed: boolean;
}

const OWNER_RIGHTS = StandardAccess.READ_CONTROL | StandardAccess.WRITE_DAC;

/**
 * SeAccessCheck: walks the discretionary list in order, for the token's user and enabled groups. Integrity labels and
 * restricted tokens are not considered.
 */
export function accessCheck(
  token: Token,
  descriptor: SecurityDescriptor,
  desiredAccess: number,
  mapping: GenericMapping,
): AccessDecision {
  const wanted = mapGenericMask(desiredAccess, mapping);
  const maximum = (wanted & StandardAccess.MAXIMUM_ALLOWED) !== 0;
  let remaining = wanted & ~StandardAccess.MAXIMUM_ALLOWED;
  let granted = 0;
  let denied = 0;

  if (remaining & StandardAccess.ACCESS_SYSTEM_SECURITY) {
    const attributes = token.privilege(Privilege.SeSecurityPrivilege)?.attributes ?? 0;
    if (!(attributes & PrivilegeAttributes.SE_PRIVILEGE_ENABLED)) return { granted: 0, allowed: false };
    granted |= StandardAccess.ACCESS_SYSTEM_SECURITY;
    remaining &= ~StandardAccess.ACCESS_SYSTEM_SECURITY;
  }
  if (descriptor.dacl === undefined) {
    const all = maximum ? mapping.all : 0;
    return { granted: (granted | remaining | all) >>> 0, allowed: true };
  }
  const ownsObject = descriptor.owner !== undefined && isMember(token, descriptor.owner, true);
  if (ownsObject) {
    granted |= OWNER_RIGHTS & (remaining | (maximum ? OWNER_RIGHTS : 0));
    remaining &= ~OWNER_RIGHTS;
  }
  for (const ace of descriptor.dacl) {
    if (!isMember(token, ace.sid, ace.allow)) continue;
    const mask = mapGenericMask(ace.mask, mapping);
    if (ace.allow) {
      const fresh = mask & ~denied;
      granted |= maximum ? fresh : fresh & remaining;
      remaining &= ~fresh;
    } else {
      denied |= mask & ~granted;
      if (remaining & mask) return { granted: 0, allowed: false };
    }
  }
  const allowed = remaining === 0 && (granted !== 0 || wanted === 0);
  return { granted: allowed ? granted >>> 0 : 0, allowed };
}

function isMember(token: Token, sid: string, forAllow: boolean): boolean {
  if (token.user === sid) return true;
  const group = token.groups.find((one) => one.sid === sid);
  if (group === undefined) return false;
  const { SE_GROUP_ENABLED, SE_GROUP_USE_FOR_DENY_ONLY } = GroupAttributes;
  return (
    (group.attributes & SE_GROUP_ENABLED) !== 0 || (!forAllow && (group.attributes & SE_GROUP_USE_FOR_DENY_ONLY) !== 0)
  );
}
