/** National language support: the tables of the image, and the locale. */
import { FileAccess } from "../abi/access.ts";
import { PageProtection, SectionAttributes } from "../abi/memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { BOOLEAN, enumeration, LARGE_INTEGER, PVOID, ULONG, USHORT } from "../abi/type.ts";
import { CreateRequest } from "../io-manager/create-request.ts";
import { FileObject } from "../io-manager/file-object.ts";
import { mapView } from "../memory-manager/views.ts";
import { Section } from "../memory-manager/section.ts";
import type { ServiceCall } from "./service.ts";
import { full, optional, out, partial, systemService, value } from "./service.ts";

const LOCALE_EN_US = 0x0409;
const WINDOWS = "\\??\\C:\\windows\\";

const NLS_SECTION = enumeration("NLS_SECTION", {
  NLS_SECTION_SORTKEYS: 9, NLS_SECTION_CASEMAP: 10, NLS_SECTION_CODEPAGE: 11, NLS_SECTION_NORMALIZE: 12,
}); // prettier-ignore

/** Normalization forms (winnls.h NORM_FORM) to their tables. */
const normalizationTables: Readonly<Record<number, string>> = {
  1: "normnfc.nls",
  2: "normnfd.nls",
  5: "normnfkc.nls",
  6: "normnfkd.nls",
  13: "normidna.nls",
};

/** Maps a table of the image for reading, by its path below the Windows directory; undefined where the image has none. */
function mapTable(call: ServiceCall, name: string): { readonly base: number; readonly size: number } | undefined {
  const request = new CreateRequest({
    desiredAccess: FileAccess.FILE_READ_DATA,
    shareAccess: 7,
    disposition: 1,
    options: 0x60,
    processId: 0,
  });
  const found = call.machine.namespace.lookup(`${WINDOWS}${name}`, undefined, {
    context: request,
    attributes: 0x40,
    desiredAccess: request.desiredAccess,
  });
  const file = "object" in found && found.object instanceof FileObject ? found.object.sectionFile() : undefined;
  if (file === undefined) return undefined;
  const section = new Section({
    file,
    size: file.sectionSize(),
    protect: PageProtection.PAGE_READONLY,
    attributes: SectionAttributes.SEC_COMMIT,
  });
  const { base } = mapView(call.machine, call.process, call.thread, section, {
    base: 0,
    offset: 0,
    size: 0,
    protect: PageProtection.PAGE_READONLY,
    allocationType: 0,
  });
  // The view alone keeps the section.
  section.lastHandleClosed();
  return { base, size: section.size };
}

export const NtInitializeNlsFiles = systemService("NtInitializeNlsFiles", {
  support: full,
  params: {
    BaseAddress: out(PVOID),
    DefaultLocaleId: out(ULONG),
    DefaultCasingTableSize: optional(out(LARGE_INTEGER)),
  },
  run(call, { BaseAddress, DefaultLocaleId, DefaultCasingTableSize }) {
    const table = mapTable(call, "system32\\locale.nls");
    if (table === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    BaseAddress.set(table.base);
    DefaultLocaleId.set(LOCALE_EN_US);
    DefaultCasingTableSize?.set(BigInt(table.size));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtGetNlsSectionPtr = systemService("NtGetNlsSectionPtr", {
  support: full,
  params: {
    SectionType: value(NLS_SECTION),
    SectionData: value(ULONG),
    ContextData: value(PVOID),
    SectionPointer: out(PVOID),
    SectionSize: optional(out(ULONG)),
  },
  run(call, { SectionType, SectionData, SectionPointer, SectionSize }) {
    const name = tableName(SectionType, SectionData);
    if (name === undefined) return ntstatus.STATUS_INVALID_PARAMETER_1;
    const table = mapTable(call, name);
    if (table === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    SectionPointer.set(table.base);
    SectionSize?.set(table.size);
    return ntstatus.STATUS_SUCCESS;
  },
});

function tableName(type: number, data: number): string | undefined {
  switch (type) {
    case NLS_SECTION.NLS_SECTION_SORTKEYS:
      return "globalization\\sorting\\sortdefault.nls";
    case NLS_SECTION.NLS_SECTION_CASEMAP:
      return "system32\\l_intl.nls";
    case NLS_SECTION.NLS_SECTION_CODEPAGE:
      return `system32\\c_${String(data).padStart(3, "0")}.nls`;
    case NLS_SECTION.NLS_SECTION_NORMALIZE:
      return data in normalizationTables ? `system32\\${normalizationTables[data]}` : undefined;
    default:
      return undefined;
  }
}

export const NtQueryDefaultLocale = systemService("NtQueryDefaultLocale", {
  support: full,
  params: { UserProfile: value(BOOLEAN), DefaultLocaleId: out(ULONG) },
  run(_, { DefaultLocaleId }) {
    DefaultLocaleId.set(LOCALE_EN_US);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtSetDefaultLocale = systemService("NtSetDefaultLocale", {
  support: partial("the locale is en-US, and no other can be set"),
  params: { UserProfile: value(BOOLEAN), DefaultLocaleId: value(ULONG) },
  run(call, { DefaultLocaleId }) {
    if (DefaultLocaleId === LOCALE_EN_US) return ntstatus.STATUS_SUCCESS;
    return call.notImplemented(`NtSetDefaultLocale 0x${DefaultLocaleId.toString(16)}`);
  },
});

export const NtQueryDefaultUILanguage = systemService("NtQueryDefaultUILanguage", {
  support: full,
  params: { DefaultUILanguageId: out(USHORT) },
  run(_, { DefaultUILanguageId }) {
    DefaultUILanguageId.set(LOCALE_EN_US);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtQueryInstallUILanguage = systemService("NtQueryInstallUILanguage", {
  support: full,
  params: { InstallUILanguageId: out(USHORT) },
  run(_, { InstallUILanguageId }) {
    InstallUILanguageId.set(LOCALE_EN_US);
    return ntstatus.STATUS_SUCCESS;
  },
});
