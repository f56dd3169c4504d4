// The Function App on a Flex Consumption plan, with App Service Authentication where an app registration is named.

@description('Globally unique; becomes the host name.')
@minLength(2)
@maxLength(60)
param name string
param location string
param tags object
@description('Resource id of the identity the app runs as.')
param identityId string
@description('Client id of that identity.')
param identityClientId string
@description('Address of the container that holds the deployed package.')
param packageContainerUri string
@description('App settings, by name.')
param settings object
@description('Resource id of the subnet the app calls out through; empty for none.')
param subnetId string
@description('Client id of the app registration admins sign in with; empty: App Service Authentication is off and ADMIN_KEY is the way in.')
param authClientId string
@allowed([512, 2048, 4096])
param instanceMemoryMB int
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int
@description('HTTP instances kept warm, at a price.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttp int
@description('HTTP calls at once in one instance. The functions are asynchronous and mostly wait.')
@minValue(1)
@maxValue(100)
param httpConcurrency int

var pythonVersion = '3.13'
var signIn = !empty(authClientId)
// The platform proves itself to the app registration with the managed identity instead of a client secret.
var identityInsteadOfSecret = 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  // azd finds the app it deploys to by this tag.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttp == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyHttp
          }
        ]
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, signIn ? { '${identityInsteadOfSecret}': identityClientId } : {})
}

// Always written, so that leaving the app registration out switches it off again.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  // The platform looks the setting up that names its credential.
  dependsOn: [appSettings]
  properties: {
    platform: {
      enabled: signIn
    }
    globalValidation: {
      // The app answers 401 itself: Halo's calls, /auth/callback and /health stay open.
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    identityProviders: signIn ? {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          clientSecretSettingName: identityInsteadOfSecret
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            authClientId
            'api://${authClientId}'
          ]
        }
      }
    } : {}
    login: {
      tokenStore: {
        // Nobody needs the admin's tokens: the roles are in the session.
        enabled: false
      }
    }
    httpSettings: {
      requireHttps: true
    }
  }
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noBasicDeployment 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output id string = app.id
output url string = 'https://${app.properties.defaultHostName}'
