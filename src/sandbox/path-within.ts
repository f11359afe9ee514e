import path from 'node:path'

/** Whether a file is the folder or lies below it. Both absolute and normalized; nothing is looked up. */
export function isWithin(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep)
}
