/** Notices for the person at the terminal. A full-screen program owns the screen: what happens meanwhile is told after it. */
export interface NoticeBoard extends Disposable {
  tell(line: string): void
}

export interface NoticeBoardOptions {
  readonly tell: (line: string) => void
  readonly isScreenTaken: () => boolean
}

/** Disposing tells what was held back. */
export function createNoticeBoard({ tell, isScreenTaken }: NoticeBoardOptions): NoticeBoard {
  const held: string[] = []
  return {
    tell(line) {
      if (isScreenTaken()) held.push(line)
      else tell(line)
    },
    [Symbol.dispose]() {
      for (const line of held.splice(0)) tell(line)
    },
  }
}
