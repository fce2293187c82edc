/**
 * Lets the fuzzer's prebuilt addon load where the C library is older than the one it was linked with
 * (glibc 2.38; Debian 12 has 2.36). It needs nothing of the newer one: two functions go by other names
 * since C23, and a marker of libstdc++ is named and never called. A copy in which the functions have
 * their old names, and the newer versions are wished for rather than required, does the same.
 */
import { readFileSync } from "node:fs";

interface Section {
  readonly type: number;
  readonly link: number;
  readonly offset: number;
  readonly size: number;
}

const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;
const SYMBOL_BYTES = 24;
const VERSION_IS_WEAK = 2;
const BASE_VERSION = "GLIBC_2.2.5";
const NEWER_VERSIONS: ReadonlySet<string> = new Set(["GLIBC_2.38", "GLIBCXX_3.4.32"]);
/** "__isoc23_strtol" ends with the old name, so the name only has to begin later. */
const NEWER_NAME = "__isoc23_";

/** The bytes of a 64-bit little-endian ELF file, changed so. */
export function forOlderGlibc(path: string): Buffer {
  const elf = readFileSync(path);
  if (elf.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  const sections = sectionsOf(elf);
  const versions = find(sections, SHT_GNU_VERNEED);
  const base = weakenVersions(elf, versions, sectionAt(sections, versions.link));
  const symbols = find(sections, SHT_DYNSYM);
  const names = sectionAt(sections, symbols.link);
  const versionOfSymbol = find(sections, SHT_GNU_VERSYM);
  for (let index = 0; index * SYMBOL_BYTES < symbols.size; index++) {
    const at = symbols.offset + index * SYMBOL_BYTES;
    const nameAt = elf.readUInt32LE(at);
    if (!textAt(elf, names.offset + nameAt).startsWith(NEWER_NAME)) continue;
    elf.writeUInt32LE(nameAt + NEWER_NAME.length, at);
    elf.writeUInt16LE(base, versionOfSymbol.offset + 2 * index);
  }
  return elf;
}

function sectionsOf(elf: Buffer): Section[] {
  const tableAt = Number(elf.readBigUInt64LE(0x28));
  const entryBytes = elf.readUInt16LE(0x3a);
  return Array.from({ length: elf.readUInt16LE(0x3c) }, (_, index) => {
    const at = tableAt + index * entryBytes;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
    };
  });
}

/** Walks the required versions; answers the index of the one that every glibc has. */
function weakenVersions(elf: Buffer, needed: Section, names: Section): number {
  let base: number | undefined;
  for (let at = needed.offset, more = true; more; ) {
    const count = elf.readUInt16LE(at + 2);
    let entry = at + elf.readUInt32LE(at + 8);
    for (let index = 0; index < count; index++) {
      const version = textAt(elf, names.offset + elf.readUInt32LE(entry + 8));
      if (NEWER_VERSIONS.has(version)) elf.writeUInt16LE(VERSION_IS_WEAK, entry + 4);
      // libc.so.6 and libm.so.6 have it both; any will do, the name is what is compared.
      if (version === BASE_VERSION) base ??= elf.readUInt16LE(entry + 6);
      entry += elf.readUInt32LE(entry + 12);
    }
    const next = elf.readUInt32LE(at + 12);
    more = next !== 0;
    at += next;
  }
  if (base === undefined) throw new Error(`the addon does not name ${BASE_VERSION}`);
  return base;
}

function find(sections: readonly Section[], type: number): Section {
  const found = sections.find((section) => section.type === type);
  if (!found) throw new Error(`the addon has no section of type ${type}`);
  return found;
}

function sectionAt(sections: readonly Section[], index: number): Section {
  const found = sections[index];
  if (!found) throw new Error(`the addon has no section ${index}`);
  return found;
}

function textAt(elf: Buffer, at: number): string {
  return elf.toString("latin1", at, elf.indexOf(0, at));
}
