/**
 * The program that becomes the command: a static executable of some 350 bytes, made here for the machine it runs on.
 *
 * It makes the system calls that it finds in memory which it shares with the agent, one list of them after another
 * (call_list.ts), and has no mind of its own: what is called, and what a failure means, is decided in runner.ts. So it has
 * one thread, and can enter namespaces and become another user, and it needs nothing of the machine, not even a C library.
 * A start of this program (of the runtime, that is) in its place took 100 ms of a
 * processor in each session.
 *
 * Its life, in both languages below: map the memory; wait for a message on descriptor 3, and end at the end of those; make
 * the calls in order, up to the end of the list or to a failure; say where that was; wait again.
 */
import { Writer } from "../../bytes/mod.ts";

/** Descriptors that the program must be started with. */
export const CONTROL = 3;
export const MEMORY = 4;

/** Where the shared memory is in the program, and how much of it: pages that nobody uses cost nothing. */
export const MEMORY_ADDRESS = 0x1000_0000;
export const MEMORY_SIZE = 0x200_0000;

/** The list: a word that the program writes, to say where it stopped, seven of no use; then calls of eight words each. */
export const CALL_SIZE = 64;
/** The last word of a call is what it returned, and before that, a failure that may be: minus errno, or this for any. */
export const WHATEVER = 1;
/** In the place of a number of a system call. */
export const END_OF_LIST = -1;

/** Machine code, as `as` makes it of what stands beside it. */
const code: Readonly<Record<"x86_64" | "aarch64", readonly (readonly number[])[]>> = {
  // deno-fmt-ignore
  x86_64: [
    // start: mmap(memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 4, 0)
    [0xbf, 0x00, 0x00, 0x00, 0x10], // mov edi, 0x10000000
    [0xbe, 0x00, 0x00, 0x00, 0x02], // mov esi, 0x2000000
    [0x6a, 0x03], // push 3
    [0x5a], // pop rdx
    [0x6a, 0x11], // push 0x11
    [0x41, 0x5a], // pop r10
    [0x6a, 0x04], // push 4
    [0x41, 0x58], // pop r8
    [0x45, 0x31, 0xc9], // xor r9d, r9d
    [0x6a, 0x09], // push 9
    [0x58], // pop rax
    [0x0f, 0x05], // syscall
    // wait: read(3, memory, 8), again while that is -EINTR
    [0x31, 0xc0], // xor eax, eax
    [0x6a, 0x03], // push 3
    [0x5f], // pop rdi
    [0xbe, 0x00, 0x00, 0x00, 0x10], // mov esi, 0x10000000
    [0x6a, 0x08], // push 8
    [0x5a], // pop rdx
    [0x0f, 0x05], // syscall
    [0x48, 0x83, 0xf8, 0xfc], // cmp rax, -4
    [0x74, 0xeb], // je wait
    [0x48, 0x85, 0xc0], // test rax, rax
    [0x7e, 0x5d], // jle exit
    [0xbb, 0x40, 0x00, 0x00, 0x10], // mov ebx, 0x10000040
    // call: the one at rbx
    [0x48, 0x8b, 0x03], // mov rax, [rbx]
    [0x48, 0x85, 0xc0], // test rax, rax
    [0x78, 0x3b], // js said
    [0x48, 0x8b, 0x7b, 0x08], // mov rdi, [rbx + 8]
    [0x48, 0x8b, 0x73, 0x10], // mov rsi, [rbx + 16]
    [0x48, 0x8b, 0x53, 0x18], // mov rdx, [rbx + 24]
    [0x4c, 0x8b, 0x53, 0x20], // mov r10, [rbx + 32]
    [0x4c, 0x8b, 0x43, 0x28], // mov r8, [rbx + 40]
    [0x4c, 0x8b, 0x4b, 0x30], // mov r9, [rbx + 48]
    [0x0f, 0x05], // syscall
    [0x48, 0x8b, 0x53, 0x38], // mov rdx, [rbx + 56]
    [0x48, 0x89, 0x43, 0x38], // mov [rbx + 56], rax
    [0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff], // cmp rax, -4095
    [0x72, 0x0b], // jb next
    [0x48, 0x39, 0xd0], // cmp rax, rdx
    [0x74, 0x06], // je next
    [0x48, 0x83, 0xfa, 0x01], // cmp rdx, 1
    [0x75, 0x06], // jne said
    // next:
    [0x48, 0x83, 0xc3, 0x40], // add rbx, 64
    [0xeb, 0xbd], // jmp call
    // said: the first word = rbx; write(3, memory, 8)
    [0x6a, 0x01], // push 1
    [0x58], // pop rax
    [0x6a, 0x03], // push 3
    [0x5f], // pop rdi
    [0xbe, 0x00, 0x00, 0x00, 0x10], // mov esi, 0x10000000
    [0x48, 0x89, 0x1e], // mov [rsi], rbx
    [0x6a, 0x08], // push 8
    [0x5a], // pop rdx
    [0x0f, 0x05], // syscall
    [0xeb, 0x89], // jmp wait
    // exit: exit_group(254)
    [0xbf, 0xfe, 0x00, 0x00, 0x00], // mov edi, 254
    [0xb8, 0xe7, 0x00, 0x00, 0x00], // mov eax, 231
    [0x0f, 0x05], // syscall
  ],
  // deno-fmt-ignore
  aarch64: [
    // start: mmap(memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 4, 0)
    [0x00, 0x00, 0xa2, 0xd2], // mov x0, #0x10000000
    [0x01, 0x40, 0xa0, 0xd2], // mov x1, #0x2000000
    [0x62, 0x00, 0x80, 0xd2], // mov x2, #3
    [0x23, 0x02, 0x80, 0xd2], // mov x3, #0x11
    [0x84, 0x00, 0x80, 0xd2], // mov x4, #4
    [0x05, 0x00, 0x80, 0xd2], // mov x5, #0
    [0xc8, 0x1b, 0x80, 0xd2], // mov x8, #222
    [0x01, 0x00, 0x00, 0xd4], // svc #0
    // wait: read(3, memory, 8), again while that is -EINTR
    [0x60, 0x00, 0x80, 0xd2], // mov x0, #3
    [0x01, 0x00, 0xa2, 0xd2], // mov x1, #0x10000000
    [0x02, 0x01, 0x80, 0xd2], // mov x2, #8
    [0xe8, 0x07, 0x80, 0xd2], // mov x8, #63
    [0x01, 0x00, 0x00, 0xd4], // svc #0
    [0x1f, 0x10, 0x00, 0xb1], // cmn x0, #4
    [0x40, 0xff, 0xff, 0x54], // b.eq wait
    [0x1f, 0x00, 0x00, 0xf1], // cmp x0, #0
    [0x4d, 0x03, 0x00, 0x54], // b.le exit
    [0x13, 0x00, 0xa2, 0xd2], // mov x19, #0x10000000
    [0x73, 0x02, 0x01, 0x91], // add x19, x19, #64
    // call: the one at x19
    [0x68, 0x02, 0x40, 0xf9], // ldr x8, [x19]
    [0xe8, 0x01, 0xf8, 0xb7], // tbnz x8, #63, said
    [0x60, 0x86, 0x40, 0xa9], // ldp x0, x1, [x19, #8]
    [0x62, 0x8e, 0x41, 0xa9], // ldp x2, x3, [x19, #24]
    [0x64, 0x96, 0x42, 0xa9], // ldp x4, x5, [x19, #40]
    [0x01, 0x00, 0x00, 0xd4], // svc #0
    [0x69, 0x1e, 0x40, 0xf9], // ldr x9, [x19, #56]
    [0x60, 0x1e, 0x00, 0xf9], // str x0, [x19, #56]
    [0x1f, 0xfc, 0x3f, 0xb1], // cmn x0, #4095
    [0xa3, 0x00, 0x00, 0x54], // b.lo next
    [0x1f, 0x00, 0x09, 0xeb], // cmp x0, x9
    [0x60, 0x00, 0x00, 0x54], // b.eq next
    [0x3f, 0x05, 0x00, 0xf1], // cmp x9, #1
    [0x61, 0x00, 0x00, 0x54], // b.ne said
    // next:
    [0x73, 0x02, 0x01, 0x91], // add x19, x19, #64
    [0xf1, 0xff, 0xff, 0x17], // b call
    // said: the first word = x19; write(3, memory, 8)
    [0x60, 0x00, 0x80, 0xd2], // mov x0, #3
    [0x01, 0x00, 0xa2, 0xd2], // mov x1, #0x10000000
    [0x33, 0x00, 0x00, 0xf9], // str x19, [x1]
    [0x02, 0x01, 0x80, 0xd2], // mov x2, #8
    [0x08, 0x08, 0x80, 0xd2], // mov x8, #64
    [0x01, 0x00, 0x00, 0xd4], // svc #0
    [0xdf, 0xff, 0xff, 0x17], // b wait
    // exit: exit_group(254)
    [0xc0, 0x1f, 0x80, 0xd2], // mov x0, #254
    [0xc8, 0x0b, 0x80, 0xd2], // mov x8, #94
    [0x01, 0x00, 0x00, 0xd4], // svc #0
  ],
};

// elf(5)
const MACHINE = { x86_64: 62, aarch64: 183 };
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const LOAD_ADDRESS = 0x40_0000;
/** The largest page of either. */
const ALIGNMENT = 0x1_0000;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474_e551;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;

/** The executable's bytes. */
export function runnerProgram(architecture: "x86_64" | "aarch64" = Deno.build.arch): Uint8Array<ArrayBuffer> {
  const text = Uint8Array.from(code[architecture].flat());
  const start = HEADER_SIZE + 2 * PROGRAM_HEADER_SIZE;
  const size = start + text.length;
  const header = new Writer(start)
    // ELF, 64 bits, little-endian, version 1, System V.
    .bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    // Executable at a fixed address, machine, version 1, entry, program headers, no section headers, flags.
    .u16(2).u16(MACHINE[architecture]).u32(1).u53(LOAD_ADDRESS + start).u53(HEADER_SIZE).u53(0).u32(0)
    .u16(HEADER_SIZE).u16(PROGRAM_HEADER_SIZE).u16(2).u16(0).u16(0).u16(0);
  // Type, flags, offset, virtual and physical address, size in the file and in memory, alignment.
  header.u32(PT_LOAD).u32(PF_R | PF_X).u53(0).u53(LOAD_ADDRESS).u53(LOAD_ADDRESS).u53(size).u53(size).u53(ALIGNMENT);
  header.u32(PT_GNU_STACK).u32(PF_R | PF_W).u53(0).u53(0).u53(0).u53(0).u53(0).u53(16);
  return header.bytes(text).finish().slice();
}
