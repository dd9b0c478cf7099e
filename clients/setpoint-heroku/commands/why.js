'use strict'
// `heroku why -a shop web.max`: what `setpoint why shop web.max` says. It needs nothing but that
// program: Heroku's own libraries differ from version to version.

const { spawn } = require('node:child_process')

/** As Heroku's commands take the app: `-a shop` anywhere, or HEROKU_APP. */
function arranged(argv, fallback) {
  const rest = []
  let app = ''
  for (let place = 0; place < argv.length; place++) {
    const [name, value] = argv[place].split('=', 2)
    if (name === '-a' || name === '--app') {
      app = value === undefined ? argv[++place] ?? '' : value
    } else {
      rest.push(argv[place])
    }
  }
  const named = app || (rest.some((word) => !word.startsWith('-')) ? '' : fallback ?? '')
  return named ? [named, ...rest] : rest
}

class Why {
  static id = 'why'
  static description = 'why an app, or one value of it, is so'
  static examples = ['$ heroku why -a shop web.max']
  static strict = false
  static args = {}
  static flags = {}
  static aliases = []
  static hiddenAliases = []

  static async run(argv) {
    const [program, ...words] = (process.env.SETPOINT || 'setpoint').split(' ')
    const said = ['why', ...arranged(argv ?? [], process.env.HEROKU_APP)]
    const child = spawn(program, [...words, ...said], { stdio: 'inherit' })
    process.exitCode = await new Promise((resolve) => {
      child.on('error', (error) => {
        console.error(`cannot run ${program}: ${error.code === 'ENOENT' ? 'it is not on the PATH' : error.message}`)
        console.error('it comes with Setpoint; or say where it is: SETPOINT=/path/to/setpoint')
        resolve(2)
      })
      child.on('exit', (code, signal) => resolve(signal ? 1 : code))
    })
  }
}

module.exports = Why
