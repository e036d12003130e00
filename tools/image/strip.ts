/**
 * Removes what only debuggers read from a PE image: the DWARF sections and the COFF symbol and string tables.
 * Everything that is mapped at run time keeps its bytes and its address.
 */
export function stripDebugSections(image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const pe = view.getUint32(IMAGE_DOS_HEADER.e_lfanew, true);
  if (view.getUint16(0, true) !== 0x5a4d || view.getUint32(pe, true) !== 0x4550) throw new Error("not a PE image");
  const file = pe + 4;
  const optional = file + IMAGE_FILE_HEADER.size;
  const sectionTable = optional + view.getUint16(file + IMAGE_FILE_HEADER.SizeOfOptionalHeader, true);
  const count = view.getUint16(file + IMAGE_FILE_HEADER.NumberOfSections, true);
  const stringTable =
    view.getUint32(file + IMAGE_FILE_HEADER.PointerToSymbolTable, true) +
    18 * view.getUint32(file + IMAGE_FILE_HEADER.NumberOfSymbols, true);

  const sections = Array.from({ length: count }, (_, index) => {
    const header = sectionTable + index * IMAGE_SECTION_HEADER.size;
    return {
      header,
      name: sectionName(image, header, stringTable),
      virtualEnd:
        view.getUint32(header + IMAGE_SECTION_HEADER.VirtualAddress, true) +
        view.getUint32(header + IMAGE_SECTION_HEADER.VirtualSize, true),
      rawSize: view.getUint32(header + IMAGE_SECTION_HEADER.SizeOfRawData, true),
      rawStart: view.getUint32(header + IMAGE_SECTION_HEADER.PointerToRawData, true),
    };
  });
  const kept = sections.filter(({ name }) => !name.startsWith(".debug"));
  // The loader wants sections without gaps between them, so only trailing ones can go.
  if (kept.some((section, index) => section !== sections[index]))
    throw new Error("a debug section lies between others");
  const rawEnd = (section: { rawStart: number; rawSize: number }) =>
    section.rawSize === 0 ? 0 : section.rawStart + section.rawSize;
  const length = Math.max(sectionTable + count * IMAGE_SECTION_HEADER.size, ...kept.map(rawEnd));
  if (kept.some((section) => rawEnd(section) > image.length))
    throw new Error("a section reaches past the end of the file");

  const stripped = image.slice(0, length);
  const out = new DataView(stripped.buffer);
  for (const { header, name } of kept) {
    // Names longer than 8 bytes lay in the string table that is gone.
    for (let i = 0; i < 8; i++) stripped[header + i] = i < name.length ? name.charCodeAt(i) : 0;
  }
  stripped.fill(
    0,
    sectionTable + kept.length * IMAGE_SECTION_HEADER.size,
    sectionTable + count * IMAGE_SECTION_HEADER.size,
  );
  const removedData = sections.slice(kept.length).reduce((sum, { rawSize }) => sum + rawSize, 0);
  const alignment = out.getUint32(optional + IMAGE_OPTIONAL_HEADER64.SectionAlignment, true);
  out.setUint16(file + IMAGE_FILE_HEADER.NumberOfSections, kept.length, true);
  out.setUint32(file + IMAGE_FILE_HEADER.PointerToSymbolTable, 0, true);
  out.setUint32(file + IMAGE_FILE_HEADER.NumberOfSymbols, 0, true);
  const characteristics = file + IMAGE_FILE_HEADER.Characteristics;
  out.setUint16(
    characteristics,
    out.getUint16(characteristics, true) | IMAGE_FILE_LINE_NUMS_STRIPPED | IMAGE_FILE_LOCAL_SYMS_STRIPPED,
    true,
  );
  const initialized = optional + IMAGE_OPTIONAL_HEADER64.SizeOfInitializedData;
  out.setUint32(initialized, Math.max(0, out.getUint32(initialized, true) - removedData), true);
  const imageEnd = Math.max(...kept.map(({ virtualEnd }) => virtualEnd));
  out.setUint32(optional + IMAGE_OPTIONAL_HEADER64.SizeOfImage, Math.ceil(imageEnd / alignment) * alignment, true);
  const checksum = optional + IMAGE_OPTIONAL_HEADER64.CheckSum;
  if (out.getUint32(checksum, true) !== 0) out.setUint32(checksum, imageChecksum(stripped, checksum), true);
  return stripped;
}

/** The lower-case names of the DLLs that an image imports from, delayed imports included. */
export function importedModules(image: Uint8Array): string[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const optional = view.getUint32(IMAGE_DOS_HEADER.e_lfanew, true) + 4 + IMAGE_FILE_HEADER.size;
  const directory = (index: number) =>
    view.getUint32(optional + IMAGE_OPTIONAL_HEADER64.DataDirectory + index * 8, true);
  const names: string[] = [];
  const collect = (rva: number, entrySize: number, nameField: number) => {
    if (rva === 0) return;
    for (let at = fileOffset(view, optional, rva); ; at += entrySize) {
      const name = view.getUint32(at + nameField, true);
      if (name === 0) return;
      names.push(text(image, fileOffset(view, optional, name), 256).toLowerCase());
    }
  };
  collect(directory(1), 20, 12);
  collect(directory(13), 32, 4);
  return names;
}

function fileOffset(view: DataView, optional: number, rva: number): number {
  const file = optional - IMAGE_FILE_HEADER.size;
  const table = optional + view.getUint16(file + IMAGE_FILE_HEADER.SizeOfOptionalHeader, true);
  for (let i = 0; i < view.getUint16(file + IMAGE_FILE_HEADER.NumberOfSections, true); i++) {
    const header = table + i * IMAGE_SECTION_HEADER.size;
    const start = view.getUint32(header + IMAGE_SECTION_HEADER.VirtualAddress, true);
    const size = view.getUint32(header + IMAGE_SECTION_HEADER.SizeOfRawData, true);
    if (rva >= start && rva < start + size)
      return rva - start + view.getUint32(header + IMAGE_SECTION_HEADER.PointerToRawData, true);
  }
  throw new Error(`no section holds RVA 0x${rva.toString(16)}`);
}

// https://learn.microsoft.com/windows/win32/debug/pe-format
const IMAGE_DOS_HEADER = { e_lfanew: 0x3c };
const IMAGE_FILE_HEADER = {
  NumberOfSections: 2,
  PointerToSymbolTable: 8,
  NumberOfSymbols: 12,
  SizeOfOptionalHeader: 16,
  Characteristics: 18,
  size: 20,
};
const IMAGE_OPTIONAL_HEADER64 = {
  SizeOfInitializedData: 8,
  SectionAlignment: 32,
  SizeOfImage: 56,
  CheckSum: 64,
  DataDirectory: 112,
};
const IMAGE_SECTION_HEADER = { VirtualSize: 8, VirtualAddress: 12, SizeOfRawData: 16, PointerToRawData: 20, size: 40 };
const IMAGE_FILE_LINE_NUMS_STRIPPED = 0x4;
const IMAGE_FILE_LOCAL_SYMS_STRIPPED = 0x8;

function sectionName(image: Uint8Array, header: number, stringTable: number): string {
  const short = text(image, header, 8);
  return short.startsWith("/") ? text(image, stringTable + Number(short.slice(1)), 64) : short;
}

function text(image: Uint8Array, start: number, limit: number): string {
  const bytes = image.subarray(start, start + limit);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

/** Sum of the 16-bit words with end-around carry, the checksum's own field left out, plus the length. */
function imageChecksum(image: Uint8Array, field: number): number {
  let sum = 0;
  for (let at = 0; at < image.length; at += 2) {
    if (at === field || at === field + 2) continue;
    sum += image[at] | ((image[at + 1] ?? 0) << 8);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return (sum + image.length) >>> 0;
}
